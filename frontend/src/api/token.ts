import { ref } from "vue"

const KEPT_AS = "routerd-token"

/** The admin token that this tab was given; on the same machine none is needed. */
export const token = ref(sessionStorage.getItem(KEPT_AS) ?? "")

/** Whether the server has asked for a token: the login is shown. */
export const isRefused = ref(false)

export function keepToken(value: string): void {
  token.value = value.trim()
  if (token.value) sessionStorage.setItem(KEPT_AS, token.value)
  else sessionStorage.removeItem(KEPT_AS)
  isRefused.value = false
}

/** `routerd login` prints a link that ends in `#token=…`: take it, and take it out of the address bar. Whether it was one. */
export function takeTokenFromLink(): boolean {
  const found = new URLSearchParams(location.hash.slice(1)).get("token")
  if (!found) return false
  keepToken(found)
  history.replaceState(history.state, "", location.pathname + location.search)
  return true
}
