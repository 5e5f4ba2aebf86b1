// The WebAssembly build of zstd, instantiated at first use and synchronously: a produce request must not
// wait for a codec between its arrival and its append, or a later one overtakes it. The package's own init
// is asynchronous, so its module is given an instance instead. Reading its code from disk is loading a
// library, as `require` of a native one is: nothing of the broker's data passes here.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** What is used of the module: zstd's C functions over its own memory. */
export interface ZstdModule {
  HEAPU8: Uint8Array
  _malloc(sizeInBytes: number): number
  _free(address: number): void
  _ZSTD_compressBound(sizeInBytes: number): number
  _ZSTD_compress(target: number, room: number, source: number, size: number, level: number): number
  _ZSTD_decompress(target: number, room: number, source: number, size: number): number
  _ZSTD_isError(code: number): number
}

interface Loadable extends ZstdModule {
  instantiateWasm?: (imports: object, receive: (instance: WasmInstance) => unknown) => unknown
  init(code: Uint8Array): unknown
}

interface WasmInstance {
  exports: object
}

/** WebAssembly's types belong to the DOM library, which Node's types do not bring. */
const { WebAssembly: wasm } = globalThis as unknown as {
  WebAssembly: {
    Module: new (code: Uint8Array) => object
    Instance: new (module: object, imports: object) => WasmInstance
  }
}

let loaded: ZstdModule | undefined

export function zstdModule(): ZstdModule {
  loaded ??= load()
  return loaded
}

function load(): ZstdModule {
  const require = createRequire(import.meta.url)
  // The package exports its entry only; the module with the C functions stands beside it.
  const directory = dirname(require.resolve('@bokuweb/zstd-wasm'))
  const { Module: module } = require(join(directory, 'zstd.js')) as { Module: Loadable }
  // Another copy of this file in the process, or the program itself, has begun with it: a second memory under the
  // functions of the first would make rubbish of both.
  if ((module.HEAPU8 as Uint8Array | undefined) !== undefined) return module
  const { readFileSync } = require('node:fs') as { readFileSync: (path: string) => Uint8Array }
  const code = readFileSync(join(directory, 'zstd.wasm'))
  module.instantiateWasm = (imports, receive) => {
    const instance = new wasm.Instance(new wasm.Module(code), imports)
    receive(instance)
    return instance.exports
  }
  module.init(code)
  return module
}
