"""The command lines of agents from npm, set up as their users do it, with a home of their own and no way out."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients.agents import Agent, Outcome
from tests.clients.tasks import Deed, Read, Write
from tests.support.chat import ToolCall

PATIENCE = 90  # seconds: a whole task, with retries of its own, on a busy machine


@dataclass(frozen=True)
class Command:
    """An installed command. `wall` is a proxy that lets nothing out: agents ask for their makers' servers."""

    path: Path
    wall: str

    def run(
        self, *arguments: str, project: Path, settings: Mapping[str, str], timeout: float = PATIENCE
    ) -> subprocess.CompletedProcess[str]:
        """Run it in `project`, with `home` beside that and `settings` in its environment."""
        proxies = {"HTTP_PROXY": self.wall, "HTTPS_PROXY": self.wall, "NO_PROXY": "127.0.0.1"}
        own = {"HOME": str(home(project)), "TMPDIR": str(home(project))}
        environment = {"PATH": os.environ["PATH"], **own, **proxies, **settings}
        return subprocess.run(
            [str(self.path), *arguments], env=environment, cwd=project,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip


def home(project: Path) -> Path:
    """The home of the user who works in `project`."""
    path = project.parent / "home"
    path.mkdir(exist_ok=True)
    return path


@dataclass(frozen=True)
class Cline:
    """`cline`: https://docs.cline.bot/cline-cli/overview"""

    command: Command
    name: str = "cline"
    dialect: str = "openai"

    def kit(self, deed: Deed, project: Path) -> ToolCall:
        if isinstance(deed, Read):
            return ToolCall("read_files", {"files": [{"path": str(project / deed.path)}]})
        if isinstance(deed, Write):
            return ToolCall("editor", {"path": str(project / deed.path), "new_text": deed.text})
        return ToolCall("run_commands", {"commands": [deed.command]})

    def work(self, origin: str, model: str, prompt: str, project: Path) -> Outcome:
        self.install(origin, model, project)
        code, result = self.run(prompt, project)
        return Outcome(code == 0 and result["finishReason"] == "completed", result["text"], str(result))

    def install(self, origin: str, model: str, project: Path) -> None:
        """Telemetry off, and the OpenAI-compatible provider pointed at `origin`."""
        (home(project) / "settings.json").write_text('{"telemetryOptOut": true, "autoUpdateEnabled": false}')
        done = self._run("auth", "-p", "openai-compatible", "-k", "anything", "-m", model, "-b", f"{origin}/v1",
                         project=project)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def run(self, prompt: str, project: Path) -> tuple[int, dict[str, Any]]:
        """One task without a person; returns the exit code and the command's own summary."""
        done = self._run("--json", "--timeout", str(PATIENCE - 20), "-c", str(project), prompt, project=project)
        lines = [json.loads(line) for line in done.stdout.split("\n") if line.startswith("{")]
        results = [line for line in lines if line["type"] == "run_result"]
        assert len(results) == 1, done.stdout + done.stderr
        return done.returncode, results[0]

    def _run(self, *arguments: str, project: Path) -> subprocess.CompletedProcess[str]:
        settings = {"CLINE_GLOBAL_SETTINGS_PATH": str(home(project) / "settings.json"), "CLINE_NO_AUTO_UPDATE": "1"}
        data = str(home(project) / "data")
        return self.command.run(*arguments, "--data-dir", data, project=project, settings=settings)


@dataclass(frozen=True)
class ClaudeCode:
    """`claude -p`: https://code.claude.com/docs/en/headless"""

    command: Command
    name: str = "claude-code"
    dialect: str = "anthropic"

    def kit(self, deed: Deed, project: Path) -> ToolCall:
        if isinstance(deed, Read):
            return ToolCall("Read", {"file_path": str(project / deed.path)})
        if isinstance(deed, Write):
            return ToolCall("Write", {"file_path": str(project / deed.path), "content": deed.text})
        return ToolCall("Bash", {"command": deed.command, "description": "Add a line to the log"})

    def work(self, origin: str, model: str, prompt: str, project: Path) -> Outcome:
        settings = {
            "ANTHROPIC_BASE_URL": origin,
            "ANTHROPIC_API_KEY": "anything",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",  # telemetry, error reports, updates and the like
            "DISABLE_AUTOUPDATER": "1",
        }
        asked = ["-p", prompt, "--model", model, "--output-format", "json", "--allowedTools", "Read,Write,Bash"]
        done = self.command.run(*asked, project=project, settings=settings)
        told = done.stdout + done.stderr
        lines = [line for line in done.stdout.split("\n") if line.startswith("{")]
        if len(lines) != 1:
            return Outcome(False, "", told)
        result = json.loads(lines[0])
        return Outcome(done.returncode == 0 and not result["is_error"], result.get("result", ""), told)


@dataclass(frozen=True)
class GeminiCLI:
    """`gemini -p`: https://geminicli.com/docs/cli/headless/"""

    command: Command
    name: str = "gemini-cli"
    dialect: str = "gemini"

    def kit(self, deed: Deed, project: Path) -> ToolCall:
        if isinstance(deed, Read):
            return ToolCall("read_file", {"file_path": str(project / deed.path)})
        if isinstance(deed, Write):
            return ToolCall("write_file", {"file_path": str(project / deed.path), "content": deed.text})
        return ToolCall("run_shell_command", {"command": deed.command, "description": "Add a line to the log"})

    def work(self, origin: str, model: str, prompt: str, project: Path) -> Outcome:
        (home(project) / ".gemini").mkdir(exist_ok=True)
        (home(project) / ".gemini" / "settings.json").write_text(json.dumps(_GEMINI_SETTINGS))
        settings = {
            "GOOGLE_GEMINI_BASE_URL": origin,
            "GEMINI_API_KEY": "anything",
            "GEMINI_CLI_NO_RELAUNCH": "true",  # it would start itself again only to have more memory
        }
        asked = ["-p", prompt, "-m", model, "-o", "json", "--approval-mode", "yolo"]
        done = self.command.run(*asked, project=project, settings=settings)
        told = done.stdout + done.stderr
        start = done.stdout.find("{")
        if done.returncode or start < 0:
            return Outcome(False, "", told)
        return Outcome(True, json.JSONDecoder().raw_decode(done.stdout[start:])[0].get("response", ""), told)


_GEMINI_SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
    "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
}


COMMANDS: dict[str, tuple[Callable[[Command], Agent], str]] = {
    "cline": (Cline, ".bin/cline"),
    # Its own start script waits for an install script that we don't let run; this is what that would put there.
    "claude-code": (ClaudeCode, "@anthropic-ai/claude-code-*/claude*"),
    "gemini-cli": (GeminiCLI, ".bin/gemini"),
}
"""How each is made, and where below node_modules its command is."""
