import { spawn, type ChildProcess } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { once } from "node:events"

const ROOT = resolve(import.meta.dirname, "../..")
const COMMAND = process.env.ROUTERD ?? join(ROOT, ".venv/bin/routerd")

/** A routerd of its own, on a port of its own, with a router.yaml in a folder of its own. */
export class Routerd {
  log = ""

  private constructor(
    readonly folder: string,
    readonly url: string,
    private readonly process: ChildProcess,
  ) {}

  static async start(config: string, environment: Record<string, string> = {}): Promise<Routerd> {
    const folder = await mkdtemp(join(tmpdir(), "routerd-browser-"))
    await writeFile(join(folder, "router.yaml"), config)
    const env = { ...process.env, ROUTERD_DATA_DIR: join(folder, ".routerd"), HOME: folder, ...environment }
    const child = spawn(COMMAND, ["serve", "--config", join(folder, "router.yaml"), "--port", "0"], {
      cwd: folder,
      env,
      stdio: ["ignore", "ignore", "pipe"],
    })
    const port = await listening(child)
    const routerd = new Routerd(folder, `http://127.0.0.1:${port}`, child)
    child.stderr!.on("data", (data: Buffer) => (routerd.log += data))
    return routerd
  }

  /** The text of router.yaml as it is now. */
  text(): Promise<string> {
    return readFile(join(this.folder, "router.yaml"), "utf8")
  }

  /** Save router.yaml, as an editor would. */
  async save(text: string): Promise<void> {
    await writeFile(join(this.folder, "router.yaml"), text)
  }

  async stop(): Promise<void> {
    const ended = once(this.process, "exit")
    this.process.kill("SIGTERM")
    this.process.kill("SIGTERM")
    await ended
    await rm(this.folder, { recursive: true, force: true })
  }
}

async function listening(child: ChildProcess): Promise<number> {
  let said = ""
  for await (const data of child.stderr!.iterator({ destroyOnReturn: false })) {
    said += data
    const found = /"event":"listening".*?"port":(\d+)/.exec(said)
    if (found) return Number(found[1])
  }
  throw new Error(`routerd did not start:\n${said}`)
}
