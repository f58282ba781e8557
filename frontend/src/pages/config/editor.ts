import { closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete"
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands"
import { yaml } from "@codemirror/lang-yaml"
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language"
import { lintKeymap } from "@codemirror/lint"
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search"
import { Compartment, EditorState } from "@codemirror/state"
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view"
import type { ConfigProblem } from "@/api/problem"
import type { Schema } from "@/config/schema"
import { problemMarks, rangeOf, schemaHelp } from "./assist"
import { looks } from "./looks"
import { sealedValues } from "./sealedValues"

export interface Wants {
  text: string
  changed: (text: string) => void
  save: () => void
  check: (text: string) => Promise<ConfigProblem[]>
}

/** An editor of router.yaml. */
export interface ConfigEditor {
  setText: (text: string) => void
  learn: (schema: Schema) => void
  goTo: (line: number, column: number) => void
  close: () => void
}

/** Open an editor in a shadow root of its own: there CodeMirror's styles need no <style>, which the page forbids. */
export function openEditor(host: HTMLElement, wants: Wants): ConfigEditor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" })
  const help = new Compartment()
  const parent = root.appendChild(document.createElement("div"))
  Object.assign(parent.style, { height: "100%" })
  let lines = endingsOf(wants.text)
  const told = { ...wants, changed: (text: string) => wants.changed(lines.out(text)) }
  const state = EditorState.create({ doc: wants.text, extensions: [usual(told), help.of([])] })
  const view = new EditorView({ state, parent, root })
  return {
    setText: (text) => {
      lines = endingsOf(text)
      replace(view, text.replaceAll("\r\n", "\n"))
    },
    learn: (schema) => view.dispatch({ effects: help.reconfigure(schemaHelp(schema)) }),
    goTo: (line, column) => goTo(view, line, column),
    close: () => {
      view.destroy()
      parent.remove()
    },
  }
}

function usual(wants: Wants) {
  const saveKey = { key: "Mod-s", preventDefault: true, run: () => (wants.save(), true) }
  return [
    lineNumbers(), highlightActiveLineGutter(), highlightActiveLine(), highlightSpecialChars(), history(), drawSelection(),
    indentOnInput(), indentUnit.of("  "), EditorState.tabSize.of(2), bracketMatching(), closeBrackets(), highlightSelectionMatches(),
    EditorView.lineWrapping,
    keymap.of([saveKey, ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
    yaml(), looks, sealedValues, problemMarks(wants.check),
    EditorView.contentAttributes.of({ "aria-label": "router.yaml", spellcheck: "false", autocorrect: "off", autocapitalize: "off" }),
    EditorView.updateListener.of((update) => update.docChanged && wants.changed(update.state.doc.toString())),
  ]
}

/** CodeMirror ends every line with \n: a file whose lines end with \r\n gets them back, or all of it would be another. */
function endingsOf(text: string): { out: (text: string) => string } {
  const isWindows = text.includes("\r\n")
  return { out: (written) => (isWindows ? written.replaceAll("\n", "\r\n") : written) }
}

/** Only what differs is replaced, so that the cursor and the undo history stay. */
function replace(view: EditorView, text: string): void {
  const old = view.state.doc.toString()
  if (old === text) return
  let from = 0
  while (from < old.length && from < text.length && old[from] === text[from]) from += 1
  let same = 0
  while (same < old.length - from && same < text.length - from && old[old.length - 1 - same] === text[text.length - 1 - same]) same += 1
  view.dispatch({ changes: { from, to: old.length - same, insert: text.slice(from, text.length - same) } })
}

function goTo(view: EditorView, line: number, column: number): void {
  const { from, to } = rangeOf(view.state.doc, line, column)
  view.dispatch({ selection: { anchor: from, head: to }, effects: EditorView.scrollIntoView(from, { y: "center" }) })
  view.focus()
}
