import type { Preset } from "@/providers/draft"

/** The vendors that a key may be of, by how it begins. The longest beginning tells most; several vendors may share it. */
export function vendorsOf(key: string, presets: readonly Preset[]): Preset[] {
  const fits = presets.map((preset) => ({ preset, length: longest(key.trim(), preset.key_prefixes) }))
  const most = Math.max(0, ...fits.map((fit) => fit.length))
  return most ? fits.filter((fit) => fit.length === most).map((fit) => fit.preset) : []
}

function longest(key: string, prefixes: readonly string[]): number {
  return Math.max(0, ...prefixes.filter((prefix) => key.startsWith(prefix) && key.length > prefix.length).map((prefix) => prefix.length))
}

/** Those to choose from when the key does not tell: the ones that it may be of first, then whoever has an address. */
export function choices(key: string, presets: readonly Preset[]): Preset[] {
  const likely = vendorsOf(key, presets)
  return [...likely, ...presets.filter((preset) => preset.base_url && !likely.includes(preset))]
}
