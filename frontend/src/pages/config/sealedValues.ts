import { Decoration, EditorView, MatchDecorator, ViewPlugin, WidgetType, type DecorationSet, type ViewUpdate } from "@codemirror/view"
import { SEALED, shortened } from "@/config/sealed"

class Folded extends WidgetType {
  constructor(readonly sealed: string) {
    super()
  }

  override eq(other: Folded): boolean {
    return other.sealed === this.sealed
  }

  override toDOM(): HTMLElement {
    const element = document.createElement("span")
    element.className = "cm-sealed"
    element.textContent = shortened(this.sealed)
    element.title = `A sealed key, ${this.sealed.length} characters. It is copied and taken out as a whole.`
    return element
  }
}

const matcher = new MatchDecorator({
  regexp: SEALED,
  decoration: (match) => Decoration.replace({ widget: new Folded(match[0]) }),
})

/** Sealed keys are shown short; the cursor goes over them, so that nobody breaks one by typing. */
export const sealedValues = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet

    constructor(view: EditorView) {
      this.decorations = matcher.createDeco(view)
    }

    update(update: ViewUpdate): void {
      this.decorations = matcher.updateDeco(update, this.decorations)
    }
  },
  {
    decorations: (plugin) => plugin.decorations,
    provide: (plugin) => EditorView.atomicRanges.of((view) => view.plugin(plugin)?.decorations ?? Decoration.none),
  },
)
