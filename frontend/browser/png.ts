import { deflateSync, inflateSync } from "node:zlib"

const COLOURS = 256

/** A browser's PNG with at most 256 colours: a picture of a page then takes a third of the bytes. */
export function reduce(png: Buffer): Buffer {
  const { header, data } = read(png)
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)]
  const pixels = unfilter(data, width, height, header[9] === 6 ? 4 : 3)
  const palette = usual(pixels)
  const nearest = new Map(palette.map((colour, at) => [colour, at]))
  const lines = Buffer.alloc((width + 1) * height)
  pixels.forEach((colour, at) => {
    let index = nearest.get(colour)
    if (index === undefined) nearest.set(colour, (index = closest(colour, palette)))
    lines[Math.floor(at / width) * (width + 1) + 1 + (at % width)] = index
  })
  header[9] = 3 // a palette
  const colours = Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]))
  const chunks = [chunk("IHDR", header), chunk("PLTE", colours), chunk("IDAT", deflateSync(lines, { level: 9 })), chunk("IEND", Buffer.alloc(0))]
  return Buffer.concat([png.subarray(0, 8), ...chunks])
}

function read(png: Buffer): { header: Buffer; data: Buffer } {
  const found: Record<string, Buffer[]> = {}
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at)
    ;(found[png.toString("latin1", at + 4, at + 8)] ??= []).push(png.subarray(at + 8, at + 8 + length))
    at += length + 12
  }
  return { header: Buffer.from(found.IHDR![0]!), data: inflateSync(Buffer.concat(found.IDAT!)) }
}

/** One number for each pixel: red, green and blue. https://www.w3.org/TR/png-3/#9Filters */
function unfilter(data: Buffer, width: number, height: number, size: number): Uint32Array {
  const row = width * size
  const pixels = new Uint32Array(width * height)
  let above = Buffer.alloc(row)
  for (let y = 0; y < height; y++) {
    const kind = data[y * (row + 1)]!
    const line = Buffer.from(data.subarray(y * (row + 1) + 1, (y + 1) * (row + 1)))
    for (let x = 0; x < row; x++) line[x] = line[x]! + guess(kind, x < size ? 0 : line[x - size]!, above[x]!, x < size ? 0 : above[x - size]!)
    for (let x = 0; x < width; x++) pixels[y * width + x] = line.readUIntBE(x * size, 3)
    above = line
  }
  return pixels
}

function guess(kind: number, left: number, up: number, corner: number): number {
  if (kind < 4) return [0, left, up, (left + up) >> 1][kind]!
  const sum = left + up - corner
  const [byLeft, byUp, byCorner] = [Math.abs(sum - left), Math.abs(sum - up), Math.abs(sum - corner)]
  return byLeft <= byUp && byLeft <= byCorner ? left : byUp <= byCorner ? up : corner
}

/** The colours that are there most often. */
function usual(pixels: Uint32Array): number[] {
  const counts = new Map<number, number>()
  for (const colour of pixels) counts.set(colour, (counts.get(colour) ?? 0) + 1)
  return [...counts].sort((one, other) => other[1] - one[1]).slice(0, COLOURS).map(([colour]) => colour)
}

function closest(colour: number, palette: readonly number[]): number {
  let [best, least] = [0, Infinity]
  palette.forEach((other, at) => {
    const distance = [16, 8, 0].reduce((all, shift) => all + (((colour >> shift) & 255) - ((other >> shift) & 255)) ** 2, 0)
    if (distance < least) [best, least] = [at, distance]
  })
  return best
}

function chunk(kind: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(kind, "latin1"), data])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  const check = Buffer.alloc(4)
  check.writeUInt32BE(crc(body))
  return Buffer.concat([length, body, check])
}

function crc(data: Buffer): number {
  let value = ~0
  for (const byte of data) {
    value ^= byte
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0)
  }
  return ~value >>> 0
}
