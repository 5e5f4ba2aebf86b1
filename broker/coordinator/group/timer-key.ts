// How a timer of a group shard is called: a letter for what it is, the length of the group id (so that any id can
// stand in it), the group id, and whatever else tells it from others:  s5:ordersconsumer-1-uuid

export function timerKey(letter: string, groupId: string, rest = ''): string {
  return `${letter}${groupId.length}:${groupId}${rest}`
}
