import { ref } from "vue"
import type { Provider } from "@/providers/draft"

/** Whether they have begun in this tab: the providers that they make don't end them. */
export const isUnderWay = ref(false)

/** Whether the first minutes are to be shown: there is nobody to ask yet but, at most, the built-in echo. */
export function isFirst(providers: readonly Pick<Provider, "adapter">[]): boolean {
  return isUnderWay.value || providers.every((provider) => provider.adapter === "echo")
}
