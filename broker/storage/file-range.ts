// What every storage asks before it touches bytes. A range that does not fit is the caller's bug, not the
// disk's failure, so these are plain Errors with the numbers.

export function assertReadTarget(
  path: string,
  target: Uint8Array,
  targetStart: number,
  length: number,
): void {
  if (targetStart >= 0 && length >= 0 && targetStart + length <= target.length) return
  throw new Error(`${path}: read of ${length} bytes into place ${targetStart} of ${target.length}`)
}

export function assertOverwrite(path: string, length: number, position: number, sizeInBytes: number): void {
  if (position >= 0 && position + length <= sizeInBytes) return
  throw new Error(`${path}: overwrite of ${length} bytes at ${position}, size ${sizeInBytes}`)
}

export function assertTruncation(path: string, newSizeInBytes: number, sizeInBytes: number): void {
  if (newSizeInBytes >= 0 && newSizeInBytes <= sizeInBytes) return
  throw new Error(`${path}: truncate to ${newSizeInBytes}, size ${sizeInBytes}`)
}
