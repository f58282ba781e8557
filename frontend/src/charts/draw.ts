import uPlot from "uplot"
import "uplot/dist/uPlot.min.css"
import { minute, weekday } from "@/format"
import { resolveColour, stacked, type ChartKind, type ChartLine } from "./chart"

export interface Drawing {
  kind: ChartKind
  times: readonly number[] // seconds since the epoch
  lines: readonly ChartLine[]
  width: number
  height: number
  format: (value: number) => string
  pointed: (at: number | null) => void
}

const A_DAY = 86_400
const GAP = 0.72 // of a bucket is bar
const SPARSE = 40 // so many values have a point each, so that a single one can be seen
const WHOLE_STEPS = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat()
const FONT = "12px system-ui, sans-serif"

/** Draw a chart into an element. What is given back is taken away with `destroy`. */
export function draw(element: HTMLElement, drawing: Drawing): uPlot {
  const { kind, times, lines, width, height, format, pointed } = drawing
  const isLong = times.at(-1)! - times[0]! > 1.5 * A_DAY
  const drawn = kind === "bars" ? [...lines].reverse() : lines
  return new uPlot(
    {
      width,
      height,
      padding: [8, 22, 0, 0],
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, y: false, points: { show: kind === "lines" } },
      scales: { x: { range: (_, low, high) => beside(low, high, times) }, y: { range: (_, low, high) => [Math.min(0, low ?? 0), high > 0 ? high * 1.08 : 1] } },
      axes: [
        axis(element, { values: (_, ticks) => ticks.map((tick) => (isLong ? weekday(tick * 1000) : minute(tick * 1000))), space: 64, size: 28 }),
        axis(element, { values: (_, ticks) => ticks.map(format), size: 62, space: 32, ...(isWhole(lines) && { incrs: WHOLE_STEPS }) }),
      ],
      series: [{}, ...drawn.map((line) => series(element, line, kind))],
      hooks: { setCursor: [(plot) => pointed(plot.cursor.idx ?? null)] },
    },
    dataOf(drawing),
    element,
  )
}

/** The numbers as the library takes them; of bars the highest come first, so that the lower ones stand before them. */
export function dataOf({ kind, times, lines }: Pick<Drawing, "kind" | "times" | "lines">): uPlot.AlignedData {
  const values = kind === "bars" ? stacked(lines).reverse() : lines.map((line) => [...line.values])
  return [[...times], ...values] as uPlot.AlignedData
}

/** Whether nothing lies between two whole numbers, so that the axis needs no other ticks. */
function isWhole(lines: readonly ChartLine[]): boolean {
  return lines.every((line) => line.values.every((value) => value === null || Number.isInteger(value)))
}

/** Half a bucket more on either side, so that the first and the last bar are whole. */
function beside(low: number, high: number, times: readonly number[]): [number, number] {
  const half = times.length > 1 ? (times[1]! - times[0]!) / 2 : 30
  return [low - half, high + half]
}

function axis(element: HTMLElement, own: uPlot.Axis): uPlot.Axis {
  const line = { stroke: resolveColour(element, "line"), width: 1 }
  return { stroke: resolveColour(element, "muted"), font: FONT, grid: line, ticks: { ...line, size: 4 }, ...own }
}

function series(element: HTMLElement, line: ChartLine, kind: ChartKind): uPlot.Series {
  const colour = resolveColour(element, line.colour)
  if (kind === "bars") return { stroke: colour, fill: colour, width: 0, points: { show: false }, paths: uPlot.paths.bars!({ size: [GAP, 40] }) }
  const isSparse = line.values.filter((value) => value !== null).length <= SPARSE
  return { stroke: colour, width: 2, spanGaps: true, points: { show: isSparse, size: 5, fill: colour } }
}
