// `node --import tsx tools/capture/main.ts --target PORT [--listen PORT]`: what a client and a broker say to
// each other, one line of JSON a frame. The broker must advertise the listening port.

import { parseArgs } from 'node:util'
import { CapturingProxy } from './proxy.ts'

const { values } = parseArgs({
  options: { target: { type: 'string' }, listen: { type: 'string', default: '0' } },
})
if (values.target === undefined) throw new Error('--target, the port of the broker, is missing')

const proxy = await CapturingProxy.listen(({ api, apiKey, version, direction, bytes }) => {
  console.log(JSON.stringify({ api: api?.name ?? apiKey, version, direction, hex: bytes.toString('hex') }))
}, Number(values.listen))
proxy.target = Number(values.target)
console.error(`listening on 127.0.0.1:${proxy.port}`)
