import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from "vue"
import { asProblem, type Problem } from "@/api/problem"
import { returns } from "./live"

export interface Resource<T> {
  data: ShallowRef<T | undefined>
  problem: ShallowRef<Problem | null>
  isLoading: Ref<boolean>
  refresh: () => Promise<void>
}

/**
 * Something that is loaded, shown, and loaded again, also when routerd was away and is back. The newest answer wins; an old one
 * stays while a new one comes.
 */
export function useResource<T>(load: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const data = shallowRef<T>()
  const problem = shallowRef<Problem | null>(null)
  const isLoading = ref(false)
  let current: AbortController | null = null

  async function refresh(): Promise<void> {
    current?.abort()
    const mine = (current = new AbortController())
    isLoading.value = true
    try {
      const loaded = await load(mine.signal)
      if (mine !== current) return
      data.value = loaded
      problem.value = null
    } catch (error) {
      if (mine === current && !mine.signal.aborted) problem.value = asProblem(error)
    } finally {
      if (mine === current) isLoading.value = false
    }
  }

  onScopeDispose(() => current?.abort())
  watch(returns, () => void refresh())
  void refresh()
  return { data, problem, isLoading, refresh }
}
