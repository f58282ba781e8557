/** What a chart shows: a value for each moment. `colour` is the name of a token. */
export interface ChartLine {
  label: string
  colour: string
  values: readonly (number | null)[]
}

/** Bars stand on each other, lines stand for themselves. */
export type ChartKind = "bars" | "lines"

/** What each bar reaches up to, so that the first line stands at the bottom; what adds nothing to it is no bar. */
export function stacked(lines: readonly ChartLine[]): (number | null)[][] {
  const below: number[] = []
  return lines.map((line, which) =>
    line.values.map((value, at) => {
      below[at] = (below[at] ?? 0) + (value ?? 0)
      return value === null || (which > 0 && value === 0) ? null : below[at]
    }),
  )
}

/** All values together; null: none is known. */
export function sum(values: readonly (number | null)[]): number | null {
  return values.reduce((all, value) => (value === null ? all : (all ?? 0) + value), null)
}

/** The newest value that there is. */
export function latest(values: readonly (number | null)[]): number | null {
  return values.findLast((value) => value !== null) ?? null
}

/** Buckets in which there was something, newest first: what a table of the chart has to say. */
export function rowsOf(times: readonly number[], lines: readonly ChartLine[]): { time: number; values: (number | null)[] }[] {
  return times
    .map((time, at) => ({ time, values: lines.map((line) => line.values[at] ?? null) }))
    .filter((row) => row.values.some(Boolean))
    .reverse()
}

/** Colours as a canvas takes them: tokens are `light-dark(…)`, and what that is, only an element knows. */
export function resolveColour(element: HTMLElement, token: string): string {
  const { color, transition } = element.style
  element.style.transition = "none" // else it is told how the change begins
  element.style.color = `var(--${token})`
  const colour = getComputedStyle(element).color
  Object.assign(element.style, { color, transition })
  return colour
}
