/** Bytes as people read them: "812 B", "4.2 KiB", "1.0 MiB". */
export function sizeOf(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const inKib = bytes / 1024
  return inKib < 1023.95 ? `${inKib.toFixed(1)} KiB` : `${(inKib / 1024).toFixed(1)} MiB`
}

/** A file's text as a backup; a sentence when it is none. The server looks at all the rest. */
export function backupIn(text: string): { providers: unknown[]; routes: unknown[] } | string {
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    return "This is no JSON."
  }
  const has = (name: string): boolean => typeof read === "object" && read !== null && Array.isArray((read as Record<string, unknown>)[name])
  return has("providers") && has("routes") ? (read as { providers: unknown[]; routes: unknown[] }) : "This is no backup: it has no lists of providers and routes."
}
