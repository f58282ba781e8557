import { onScopeDispose, ref, type Ref } from "vue"

const now = ref(Date.now())
let watchers = 0
let timer: ReturnType<typeof setInterval> | undefined

/** The time in milliseconds, moving on every second while somebody looks. One timer serves all. */
export function useClock(): Readonly<Ref<number>> {
  now.value = Date.now()
  if (watchers++ === 0) timer = setInterval(() => (now.value = Date.now()), 1_000)
  onScopeDispose(() => {
    if (--watchers === 0) clearInterval(timer)
  })
  return now
}
