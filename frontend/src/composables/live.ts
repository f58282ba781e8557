import { onScopeDispose, ref } from "vue"
import { follow, type LiveEvent } from "@/api/events"

type Take = (event: LiveEvent) => void

const takers = new Set<Take>()
let connection: AbortController | null = null

const FIRST_PAUSE = 500 // milliseconds before routerd is asked again,
const LONGEST_PAUSE = 5_000 // twice as long each time

/** Whether events arrive at this moment. */
export const isLive = ref(false)

/** Whether routerd could not even be asked for events when it was last tried. */
export const isAway = ref(false)

/** How often events have come back. What happened in between was not heard: whoever shows something looks again. */
export const returns = ref(0)

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
  let pause = FIRST_PAUSE
  for (let tries = 0; !mine.signal.aborted; tries++) {
    await whileHidden()
    if (mine.signal.aborted) return
    try {
      await followWhileSeen(mine.signal, () => {
        isLive.value = true
        isAway.value = false
        pause = FIRST_PAUSE
        if (tries) returns.value++
      })
    } catch (error) {
      isAway.value ||= !isLive.value && error instanceof TypeError // as `fetch` calls a network that does not answer
    }
    isLive.value = false
    if (document.hidden) continue
    await new Promise((resume) => setTimeout(resume, pause))
    pause = Math.min(pause * 2, LONGEST_PAUSE)
  }
}

/** A tab that nobody sees gives its connection up: over HTTP/1.1 a browser has six for all tabs of a server. */
async function followWhileSeen(signal: AbortSignal, opened: () => void): Promise<void> {
  const seen = new AbortController()
  const end = (): void => seen.abort()
  const look = (): void => {
    if (document.hidden) end()
  }
  signal.addEventListener("abort", end)
  document.addEventListener("visibilitychange", look)
  try {
    await follow((event) => takers.forEach((take) => take(event)), seen.signal, opened)
  } finally {
    signal.removeEventListener("abort", end)
    document.removeEventListener("visibilitychange", look)
  }
}

function whileHidden(): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.hidden) return
      document.removeEventListener("visibilitychange", look)
      resolve()
    }
    document.addEventListener("visibilitychange", look)
    look()
  })
}
