import { onScopeDispose, ref, type Ref } from "vue"
import { dropAt, type Place, type TierBox } from "./order"
import type { Mode } from "./draft"

/** Dragging a node by its grip. Nothing moves before it is let go, so that what is dragged over stays where it is. */
export function useDrag(list: Ref<HTMLElement | undefined>, mode: () => Mode, put: (key: number, place: Place) => void) {
  const dragged = ref<number | null>(null)
  const place = ref<Place | null>(null)

  function grab(key: number, event: PointerEvent): void {
    if (event.button !== 0) return
    event.preventDefault()
    dragged.value = key
    addEventListener("pointermove", move)
    addEventListener("pointerup", release)
    addEventListener("pointercancel", end)
    addEventListener("keydown", escape)
  }

  function move(event: PointerEvent): void {
    place.value = dropAt(boxes(list.value!, dragged.value!), event.clientY, mode())
  }

  function release(): void {
    const [key, to] = [dragged.value, place.value]
    end()
    if (key !== null && to) put(key, to)
  }

  function escape(event: KeyboardEvent): void {
    if (event.key === "Escape") end()
  }

  function end(): void {
    dragged.value = place.value = null
    removeEventListener("pointermove", move)
    removeEventListener("pointerup", release)
    removeEventListener("pointercancel", end)
    removeEventListener("keydown", escape)
  }

  onScopeDispose(end)
  return { dragged, place, grab }
}

function boxes(list: HTMLElement, dragged: number): TierBox[] {
  return [...list.querySelectorAll<HTMLElement>("[data-priority]")].map((tier) => {
    const { top, bottom } = tier.getBoundingClientRect()
    const rows = [...tier.querySelectorAll<HTMLElement>("[data-key]")].filter((row) => Number(row.dataset.key) !== dragged)
    const middles = rows.map((row) => row.getBoundingClientRect()).map((box) => (box.top + box.bottom) / 2)
    return { priority: Number(tier.dataset.priority), top, bottom, middles }
  })
}
