import { onScopeDispose, ref } from "vue"
import { follow, type LiveEvent } from "@/api/events"

type Take = (event: LiveEvent) => void

const takers = new Set<Take>()
let connection: AbortController | null = null

/** Whether events arrive at this moment. */
export const isLive = ref(false)

/** Hear of everything that happens while the component is there. One connection serves all who listen. */
export function useLive(kinds: readonly string[], take: Take): void {
  const own: Take = (event) => {
    if (kinds.includes(event.kind)) take(event)
  }
  takers.add(own)
  if (!connection) void stayConnected((connection = new AbortController()))
  onScopeDispose(() => {
    takers.delete(own)
    if (takers.size === 0) {
      connection?.abort()
      connection = null
    }
  })
}

async function stayConnected(mine: AbortController): Promise<void> {
  for (let pause = 500; !mine.signal.aborted; pause = Math.min(pause * 2, 15_000)) {
    try {
      await follow(
        (event) => takers.forEach((take) => take(event)),
        mine.signal,
        () => {
          isLive.value = true
          pause = 500
        },
      )
    } catch {
      // it is tried again
    }
    isLive.value = false
    await new Promise((resume) => setTimeout(resume, pause))
  }
}
