/** Numbers, times, tokens and money as people read them. What is not known is a dash. */

export const UNKNOWN = "–"

type Maybe = number | null | undefined

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 })

/** 12345 → "12,345". */
export function count(value: Maybe): string {
  return value == null ? UNKNOWN : whole.format(value)
}

/** 12345 → "12.3K": where there is little room, and for tokens. */
export function compact(value: Maybe): string {
  return value == null ? UNKNOWN : short.format(value)
}

/** "1 attempt", "2 attempts". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`
}

/** Part of a whole in percent; a part that is there is never 0 %, one that is not all never 100 %. */
export function share(part: number, all: number): string {
  if (!all) return UNKNOWN
  const percent = (100 * part) / all
  if (percent > 0 && percent < 0.1) return "<0.1 %"
  if (percent > 99.9 && percent < 100) return ">99.9 %"
  return `${percent >= 10 || Number.isInteger(percent) ? Math.floor(percent) : percent.toFixed(1)} %`
}

/** Milliseconds: "90 µs", "3 ms", "1.24 s", "2 min 5 s". */
export function duration(ms: Maybe): string {
  if (ms == null) return UNKNOWN
  if (ms > 0 && ms < 0.9995) return `${Math.round(ms * 1000)} µs`
  if (ms < 999.5) return `${ms < 10 && ms % 1 ? ms.toFixed(1) : Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(ms < 9_995 ? 2 : 1)} s`
  return span(ms / 1000)
}

const SPANS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
] as const

/** Seconds in the two largest units: "3 h 12 min". */
export function span(seconds: Maybe): string {
  if (seconds == null) return UNKNOWN
  let rest = Math.max(0, Math.round(seconds))
  const from = SPANS.findIndex(([, size]) => rest >= size)
  if (from < 0) return "0 s"
  return SPANS.slice(from, from + 2)
    .map(([unit, size]) => {
      const many = Math.floor(rest / size)
      rest -= many * size
      return many ? `${many} ${unit}` : ""
    })
    .filter(Boolean)
    .join(" ")
}

/** US dollars; small ones with the digits that say something. */
export function money(dollars: Maybe): string {
  if (dollars == null) return UNKNOWN
  if (dollars === 0) return "$0"
  if (dollars < 0.000_001) return "<$0.000001"
  if (dollars < 0.995) return `$${dollars.toFixed(dollars < 0.000_1 ? 6 : dollars < 0.1 ? 4 : 3)}`
  return `$${dollars < 1_000 ? dollars.toFixed(2) : whole.format(dollars)}`
}

/** Powers of 1024, as router.yaml has them. */
export function bytes(value: Maybe): string {
  if (value == null) return UNKNOWN
  const power = value < 1 ? 0 : Math.min(4, Math.floor(Math.log2(value) / 10))
  const scaled = value / 1024 ** power
  return `${power && scaled < 10 ? scaled.toFixed(1) : Math.round(scaled)} ${["B", "KiB", "MiB", "GiB", "TiB"][power]}`
}

/** How long ago it was, at `now` in milliseconds: "just now", "12 s ago", "3 min ago"; a date when it is over a month. */
export function ago(when: string | number | Date, now: number): string {
  const seconds = (now - new Date(when).getTime()) / 1000
  if (Number.isNaN(seconds)) return UNKNOWN
  if (seconds < 3) return "just now"
  if (seconds > 30 * 86_400) return day(when)
  const [unit, size] = SPANS.find(([, size]) => seconds >= size)!
  return `${Math.floor(seconds / size)} ${unit} ago`
}

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const
const clocks = {
  minute: new Intl.DateTimeFormat("en-GB", CLOCK),
  second: new Intl.DateTimeFormat("en-GB", { ...CLOCK, second: "2-digit" }),
  day: new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" }),
  near: new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" }),
  weekday: new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric" }),
}

/** "14:05", in the reader's own time zone. */
export function minute(when: string | number | Date): string {
  return clocks.minute.format(new Date(when))
}

/** "14:05:09". */
export function time(when: string | number | Date): string {
  return clocks.second.format(new Date(when))
}

/** "23 Nov 2026". */
export function day(when: string | number | Date): string {
  return clocks.day.format(new Date(when))
}

/** "Mon 23". */
export function weekday(when: string | number | Date): string {
  return clocks.weekday.format(new Date(when))
}

/** "14:05:09" of today, "22 Nov 14:05" of another day. */
export function recent(when: string | number | Date, now: number | Date): string {
  const isToday = new Date(when).toDateString() === new Date(now).toDateString()
  return isToday ? time(when) : `${clocks.near.format(new Date(when))} ${minute(when)}`
}

/** "23 Nov 2026, 14:05:09". */
export function moment(when: string | number | Date): string {
  return `${day(when)}, ${time(when)}`
}
