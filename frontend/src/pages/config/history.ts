/** Problems as the history keeps them: with their place, or a reason as the message alone. */
export function placesOf(problems: readonly Record<string, unknown>[]): { place: string | null; message: string }[] {
  return problems.map(({ line, column, message, path }) => ({
    place: typeof line === "number" && line > 0 ? `${line}:${column}` : null,
    message: [path, message].filter((word) => typeof word === "string" && word).join(" "),
  }))
}
