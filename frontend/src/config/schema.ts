import { ITEM } from "./outline"

/** As much of JSON Schema as /schemas/router.schema.json uses. */
export interface Schema {
  $ref?: string
  $defs?: Record<string, Schema>
  description?: string
  type?: string
  properties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  items?: Schema
  anyOf?: Schema[]
  enum?: unknown[]
  const?: unknown
  default?: unknown
  examples?: unknown[]
  required?: string[]
}

/** What may stand at a path: every alternative, references resolved. */
export function schemasAt(root: Schema, path: readonly string[]): Schema[] {
  return path.reduce((found, step) => found.flatMap((schema) => below(root, schema, step)), resolved(root, root))
}

/** What a path is for, in the schema's words. */
export function aboutPath(root: Schema, path: readonly string[]): string | null {
  const parents = schemasAt(root, path.slice(0, -1))
  const own = parents.flatMap((schema) => childOf(schema, path.at(-1) ?? "") ?? [])
  const told = own.map((schema) => schema.description) // the words beside a reference are of this very place
  return [...told, ...schemasAt(root, path).map((schema) => schema.description)].find(Boolean) ?? null
}

/** The values that are named: of an enumeration, `true` and `false`, a constant, the examples. */
export function valuesOf(schema: Schema): string[] {
  if (schema.enum) return [...new Set(schema.enum.map(String))]
  if (schema.const !== undefined) return [String(schema.const)]
  if (schema.type === "boolean") return ["true", "false"]
  const examples = schema.type === "array" ? [] : (schema.examples ?? [])
  return examples.map(String)
}

/** In a word or two what a value is: `integer`, `map`, `list`, `text`. */
export function kindOf(root: Schema, schema: Schema): string {
  const kinds = resolved(root, schema).map((each) => (each.enum ? "choice" : (WORDS[each.type ?? ""] ?? each.type)))
  return [...new Set(kinds.filter(Boolean))].join(" or ")
}

const WORDS: Record<string, string> = { object: "map", array: "list", string: "text", boolean: "true or false", integer: "number" }

function below(root: Schema, schema: Schema, step: string): Schema[] {
  const child = childOf(schema, step)
  return child ? resolved(root, child) : []
}

function childOf(schema: Schema, step: string): Schema | null {
  if (step === ITEM) return schema.items ?? null
  const own = schema.properties && Object.hasOwn(schema.properties, step) ? schema.properties[step] : undefined
  return own ?? (typeof schema.additionalProperties === "object" ? schema.additionalProperties : null)
}

function resolved(root: Schema, schema: Schema): Schema[] {
  if (schema.$ref) {
    const target = root.$defs?.[schema.$ref.replace("#/$defs/", "")]
    return target ? resolved(root, target) : []
  }
  const others = (schema.anyOf ?? []).flatMap((each) => resolved(root, each))
  return others.length && !schema.properties ? others.map((each) => ({ default: schema.default, examples: schema.examples, ...each })) : [schema, ...others]
}
