// The extension starts `rosser lsp` and lets VS Code talk to it.

const { commands, window, workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client, watcher;

async function start() {
  const settings = workspace.getConfiguration("rosser");
  const command = settings.get("path") || "rosser";
  const store = settings.get("store");
  client = new LanguageClient(
    "rosser",
    "Rosser",
    { command, args: store ? ["--store", store, "lsp"] : ["lsp"] },
    { documentSelector: [{ language: "rosser" }], synchronize: { fileEvents: watcher } },
  );
  try {
    await client.start();
  } catch (error) {
    window.showErrorMessage(`Rosser: ${command} does not start: ${error.message ?? error}. The setting rosser.path says where it is.`);
  }
}

async function stop() {
  const running = client;
  client = undefined;
  if (running?.isRunning()) await running.stop();
}

exports.activate = async (context) => {
  watcher = workspace.createFileSystemWatcher("**/*.{ros,json,csv,lock}"); // what programs import
  context.subscriptions.push(
    watcher,
    commands.registerCommand("rosser.restart", async () => {
      await stop();
      await start();
    }),
    workspace.onDidChangeConfiguration(async (change) => {
      if (change.affectsConfiguration("rosser")) {
        await stop();
        await start();
      }
    }),
  );
  await start();
};

exports.deactivate = stop;
