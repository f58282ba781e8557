import { useLive } from "./live"

/** Look again whenever another config serves. The API tells of its providers and routes by then. */
export function useGenerations(look: () => unknown): void {
  useLive(["generation"], () => void look())
}
