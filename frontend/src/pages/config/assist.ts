import { autocompletion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete"
import { linter, lintGutter, type Diagnostic } from "@codemirror/lint"
import type { Extension, Text } from "@codemirror/state"
import { hoverTooltip, type EditorView, type Tooltip } from "@codemirror/view"
import type { ConfigProblem } from "@/api/problem"
import { outline } from "@/config/outline"
import { proposalsAt } from "@/config/proposals"
import { aboutPath, type Schema } from "@/config/schema"

const PAUSE = 450 // milliseconds without a key pressed, then the text is checked

/** What can be written here, and what a key is for, both from the schema. */
export function schemaHelp(schema: Schema): Extension {
  return [
    autocompletion({ override: [(context) => completions(schema, context)], icons: false, activateOnTyping: true }),
    hoverTooltip((view, offset) => about(schema, view, offset)),
  ]
}

function completions(schema: Schema, context: CompletionContext): CompletionResult | null {
  const found = proposalsAt(schema, context.state.doc.toString(), context.pos)
  if (!found || (found.from === context.pos && !context.explicit && !/[[{,:\-\s]/.test(context.state.sliceDoc(context.pos - 1, context.pos)))) return null
  const isNewLine = context.state.doc.lineAt(context.pos).text.trim() === ""
  if (isNewLine && !context.explicit) return null // Enter shall begin a line, not take a proposal
  const options = found.proposals.map(({ label, apply, kind, detail, about: info }) => ({
    label,
    apply,
    ...(detail && { detail }),
    ...(info && { info }),
    boost: kind === "name" ? 2 : 0,
    type: kind,
  }))
  return { from: found.from, options, validFor: /^[\w./:+@-]*$/ }
}

function about(schema: Schema, view: EditorView, offset: number): Tooltip | null {
  const entry = outline(view.state.doc.toString()).find((each) => each.from <= offset && offset <= each.to)
  const told = entry && aboutPath(schema, entry.path)
  if (!entry || !told) return null
  return {
    pos: entry.from,
    end: entry.to,
    above: true,
    create: () => {
      const dom = document.createElement("div")
      dom.className = "cm-about"
      dom.textContent = told
      return { dom }
    },
  }
}

/** Problems at their lines: the server says what they are, the moment somebody stops typing. */
export function problemMarks(check: (text: string) => Promise<ConfigProblem[]>): Extension {
  const look = async (view: EditorView): Promise<Diagnostic[]> => {
    const { doc } = view.state
    return (await check(doc.toString())).map((problem) => diagnostic(doc, problem))
  }
  return [linter(look, { delay: PAUSE }), lintGutter()]
}

function diagnostic(doc: Text, problem: ConfigProblem): Diagnostic {
  const { from, to } = rangeOf(doc, problem.line, problem.column)
  const message = [`${problem.path ? `${problem.path} ` : ""}${problem.message}`, problem.hint].filter(Boolean).join("\n")
  return { from, to, severity: problem.severity, message }
}

/** From a place to the end of the word that begins there. */
export function rangeOf(doc: Text, line: number, column: number): { from: number; to: number } {
  const found = doc.line(Math.min(Math.max(line, 1), doc.lines))
  const from = Math.min(found.from + Math.max(column - 1, 0), found.to)
  const word = /^[^\s,:{}[\]]+/.exec(doc.sliceString(from, found.to))
  return { from, to: from + (word?.[0].length ?? 0) }
}
