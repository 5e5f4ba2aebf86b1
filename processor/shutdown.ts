// A signal that would end the process lets the job end first, and then does what it would have done. Only where
// the program asks for it: a library that takes signals for itself is a nuisance.

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** Calls `stop` at the first signal, and raises the signal again behind it. Returns the way to let go. */
export function stopOnShutdown(stop: () => Promise<void>): () => void {
  const onSignal = (signal: NodeJS.Signals) => {
    // From here on a second signal ends the process at once: who sends it has waited long enough.
    release()
    void stop().finally(() => {
      // Whoever else listens decides for himself when the process ends.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
    })
  }
  const release = () => {
    for (const signal of SIGNALS) process.off(signal, onSignal)
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  return release
}
