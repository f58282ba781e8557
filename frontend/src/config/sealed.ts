/** A sealed key is one long line of base64: enough of it to tell it from others. */
export const SEALED = /age:[A-Za-z0-9+/=_-]{40,}/g

export function shortened(sealed: string): string {
  return `${sealed.slice(0, 12)}…${sealed.slice(-4)}`
}

export function foldSealed(text: string): string {
  return text.replace(SEALED, shortened)
}
