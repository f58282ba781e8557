import { onScopeDispose } from "vue"

/** `run` at once, then at most every `pause` milliseconds while it is wanted; the last wish is always granted. */
export function useThrottle(run: () => unknown, pause: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let isWanted = false

  function next(): void {
    timer = undefined
    if (isWanted) want()
  }

  function want(): void {
    isWanted = timer !== undefined
    if (isWanted) return
    timer = setTimeout(next, pause)
    run()
  }

  onScopeDispose(() => clearTimeout(timer))
  return want
}
