/** The name, or the name with the first number behind it that nobody has. */
export function freeName(wanted: string, taken: readonly string[]): string {
  if (!taken.includes(wanted)) return wanted
  for (let number = 2; ; number++) {
    if (!taken.includes(`${wanted}-${number}`)) return `${wanted}-${number}`
  }
}
