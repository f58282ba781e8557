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
    private process: ChildProcess,
  ) {
    this.hear()
  }

  static async start(config: string, environment: Record<string, string> = {}): Promise<Routerd> {
    const folder = await mkdtemp(join(tmpdir(), "routerd-browser-"))
    await writeFile(join(folder, "router.yaml"), config)
    const child = serve(folder, 0, environment)
    return new Routerd(folder, `http://127.0.0.1:${await listening(child)}`, child)
  }

  /** End the process; `again` begins another at the same address. */
  async end(): Promise<void> {
    const ended = once(this.process, "exit")
    this.process.kill("SIGTERM")
    this.process.kill("SIGTERM")
    await ended
  }

  async again(environment: Record<string, string> = {}): Promise<void> {
    this.process = serve(this.folder, Number(new URL(this.url).port), environment)
    await listening(this.process)
    this.hear()
  }

  private hear(): void {
    this.process.stderr!.on("data", (data: Buffer) => (this.log += data))
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
    await this.end()
    await rm(this.folder, { recursive: true, force: true })
  }
}

function serve(folder: string, port: number, environment: Record<string, string>): ChildProcess {
  const env = { ...process.env, ROUTERD_DATA_DIR: join(folder, ".routerd"), HOME: folder, ...environment }
  return spawn(COMMAND, ["serve", "--config", join(folder, "router.yaml"), "--port", String(port)], {
    cwd: folder,
    env,
    stdio: ["ignore", "ignore", "pipe"],
  })
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
