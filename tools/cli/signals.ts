// Waiting for the end: the first SIGINT or SIGTERM asks for a clean stop, a later SIGINT does not wait for it.

/** `npm run` passes on a Ctrl-C that the terminal has already delivered: what comes so soon is the same one. */
const SAME_SIGNAL_MS = 1000

export function untilSignalled(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstMs: number | undefined
    const onSignal = (signal: NodeJS.Signals): void => {
      if (firstMs === undefined) {
        firstMs = performance.now()
        resolve(signal)
      } else if (signal === 'SIGINT' && performance.now() - firstMs > SAME_SIGNAL_MS) {
        process.exit(130)
      }
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}
