// A signal that would end the process lets jobs end first, and then does what it would have done. Only for jobs that
// ask for it: a library that takes signals for itself is a nuisance.

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** How to stop each job that wants to be stopped. */
const jobs = new Set<() => Promise<void>>()

/** Calls `stop` at the first signal; behind the last job's end the signal is raised again. Returns the way to let go. */
export function stopOnShutdown(stop: () => Promise<void>): () => void {
  if (jobs.size === 0) listen('on')
  jobs.add(stop)
  return () => {
    if (jobs.delete(stop) && jobs.size === 0) listen('off')
  }
}

function onSignal(signal: NodeJS.Signals): void {
  // From here on a second signal ends the process at once: who sends it has waited long enough.
  listen('off')
  const stopping = [...jobs].map((stop) => stop())
  jobs.clear()
  void Promise.allSettled(stopping).then(() => {
    // Whoever else listens decides for himself when the process ends.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
  })
}

function listen(how: 'on' | 'off'): void {
  for (const signal of SIGNALS) process[how](signal, onSignal)
}
