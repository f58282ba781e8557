import { onBeforeUnmount, ref, type Ref } from "vue"
import { onBeforeRouteLeave } from "vue-router"

/** Whether something would be lost if the page were loaded anew: whoever minds is asked as the browser would ask. */
export function isAnythingUnsaved(): boolean {
  return !window.dispatchEvent(new Event("beforeunload", { cancelable: true }))
}

/** Ask before a page with unsaved changes is left. `isAsked` opens the question; `answer` goes on or stays. */
export function useLeaving(isDirty: Ref<boolean>) {
  const isAsked = ref(false)
  let settle: ((leave: boolean) => void) | null = null

  function answer(leave: boolean): void {
    isAsked.value = false
    settle?.(leave)
    settle = null
  }

  onBeforeRouteLeave(() => {
    if (!isDirty.value) return true
    isAsked.value = true
    return new Promise<boolean>((resolve) => (settle = resolve))
  })

  const unload = (event: BeforeUnloadEvent): void => {
    if (isDirty.value) event.preventDefault()
  }
  window.addEventListener("beforeunload", unload)
  onBeforeUnmount(() => window.removeEventListener("beforeunload", unload))

  return { isAsked, answer }
}
