import { computed, ref, shallowRef, watch, type Ref } from "vue"
import { api, body } from "@/api/client"
import { useLive } from "@/composables/live"
import { useResource } from "@/composables/resource"
import { useThrottle } from "@/composables/throttle"
import { fits, type Filters } from "./filters"
import { fold, merge, unwritten, type Attempt, type Row } from "./tail"

const PAGE = 50
const PAUSE = 1_500 // milliseconds between two questions to the ledger while requests come

/** Requests as the address asks for them. The newest page is live: attempts are folded in, and the ledger has the last word. */
export function useTail(filters: Ref<Filters>, before: Ref<number | undefined>) {
  const live = shallowRef<Row[]>([])
  const isPaused = ref(false)
  const missed = ref(0)

  const { data, problem, isLoading, refresh } = useResource(async (signal) => {
    const query = { ...filters.value, before: before.value, limit: PAGE }
    const rows = await body(api.GET("/api/requests", { signal, params: { query } }))
    live.value = before.value === undefined ? unwritten(live.value, rows) : []
    return rows
  })
  const refreshSoon = useThrottle(() => !isPaused.value && refresh(), PAUSE)

  useLive(["attempt"], (event) => {
    if (before.value !== undefined) return
    if (isPaused.value) {
      missed.value++
      return
    }
    live.value = fold(live.value, event.data as Attempt)
    refreshSoon()
  })

  watch([filters, before], () => {
    live.value = []
    void refresh()
  })
  watch(isPaused, (paused) => {
    missed.value = 0
    if (!paused) void refresh()
  })

  const rows = computed(() => data.value && merge(live.value.filter((row) => fits(row, filters.value)), data.value))
  const older = computed(() => (data.value?.length === PAGE ? data.value.at(-1)!.number : undefined))
  return { rows, older, problem, isLoading, isPaused, missed, refresh }
}
