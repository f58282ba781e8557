import { ref } from "vue"
import type { Provider } from "@/providers/draft"

const KEPT_AS = "routerd-first-minutes"

/** Whether they have begun in this tab: the providers that they make don't end them. */
export const isUnderWay = ref(false)

/** Whether they were sent away, in this browser. */
const isDismissed = ref(localStorage.getItem(KEPT_AS) === "no")

export function dismiss(): void {
  isDismissed.value = true
  isUnderWay.value = false
  localStorage.setItem(KEPT_AS, "no")
}

/** Whether the first minutes are to be shown: there is nobody to ask yet but, at most, the built-in echo. */
export function isFirst(providers: readonly Pick<Provider, "adapter">[]): boolean {
  if (isUnderWay.value || !providers.length) return true
  return !isDismissed.value && providers.every((provider) => provider.adapter === "echo")
}
