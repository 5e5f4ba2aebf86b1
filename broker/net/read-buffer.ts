// Reads a client's bytes into one buffer that is used again, instead of a fresh one of 64 KiB for every read.
// Fresh ones are garbage as fast as bytes come in, and collecting it was half of what a produced byte costs.
//
// Node offers this (`onread`) for sockets that are made, not for those that a server has accepted. So the
// accepted socket's handle goes into a socket made here. The handle is not part of Node's documented API:
// where it is not as expected, the socket is read in the ordinary way, and only costs more.

import { Socket, type SocketConstructorOpts } from 'node:net'

export const READ_BUFFER_BYTES = 64 * 1024

/**
 * One buffer serves all sockets of a POSIX system, where a read fills it and tells of it at once. Elsewhere
 * reads are under way in several sockets at a time: undefined.
 */
export function sharedReadBuffer(): Buffer | undefined {
  return process.platform === 'win32' ? undefined : Buffer.allocUnsafeSlow(READ_BUFFER_BYTES)
}

/**
 * The socket to be used in place of `accepted`, which must have been accepted with pauseOnConnect. `onBytes`
 * gets what comes in; the bytes are its own only until it returns.
 */
export function readInto(
  buffer: Buffer | undefined,
  accepted: Socket,
  onBytes: (bytes: Buffer) => void,
): Socket {
  const owner = accepted as unknown as { _handle: unknown }
  const handle = owner._handle
  if (buffer === undefined || !canReadIntoBuffer(handle)) {
    accepted.on('data', onBytes)
    accepted.resume()
    return accepted
  }
  owner._handle = null
  const options = {
    handle,
    onread: {
      buffer,
      callback: (length: number): boolean => {
        onBytes(buffer.subarray(0, length))
        return true
      },
    },
  }
  const socket = new Socket(options as SocketConstructorOpts)
  // The server counts the sockets that it made.
  socket.once('close', () => accepted.destroy())
  return socket
}

function canReadIntoBuffer(handle: unknown): handle is object {
  return typeof (handle as { useUserBuffer?: unknown } | null)?.useUserBuffer === 'function'
}
