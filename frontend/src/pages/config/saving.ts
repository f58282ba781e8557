import { ref, watch } from "vue"
import { useEdit } from "@/composables/edit"
import type { useConfigFile } from "./file"

/** Saving a file that others may save, too: what a save would change is shown first; one that comes too late becomes a merge. */
export function useSaving(file: ReturnType<typeof useConfigFile>) {
  const edit = useEdit(file.take)
  const isMerging = ref(false)

  function save(): void {
    if (file.isDirty.value) void edit.ask("Save router.yaml", file.put)
  }

  watch(edit.problem, async (refused) => {
    if (refused?.kind !== "stale") return
    edit.isOpen.value = false
    await file.look()
    isMerging.value = file.meanwhile.value !== null
  })

  /** Go on with the text that was put together, over the file as it is now. */
  function saveTogether(text: string): void {
    isMerging.value = false
    if (file.meanwhile.value) file.begin(file.meanwhile.value, text)
    save()
  }

  return { edit, isMerging, save, saveTogether }
}
