import { watch } from "vue"
import { returns, useLive } from "./live"

/** Look again whenever another config serves, or may do so unheard. The API tells of its providers and routes by then. */
export function useGenerations(look: () => unknown): void {
  useLive(["generation"], () => void look())
  watch(returns, () => void look())
}
