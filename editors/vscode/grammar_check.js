// This program compares what the TextMate grammar makes of programs with what the language makes of them. It reads JSON
// lines, {name, lines: [text, …], tokens: [[line, from, to, class], …]}, columns in UTF-16 units, and prints a line for
// each token that the grammar takes for something else.

const fs = require("fs");
const path = require("path");
const oniguruma = require("vscode-oniguruma");
const { Registry, parseRawGrammar, INITIAL } = require("vscode-textmate");

// classOf is the class of token that a scope stands for; the innermost scope that has one counts.
const classes = [
  ["comment.line.documentation", "doc"],
  ["comment", "comment"],
  ["punctuation.section.embedded", "text"],
  ["punctuation.definition.string", "text"],
  ["string", "text"],
  ["constant.character.escape", "text"],
  ["invalid.illegal.escape", "text"],
  ["keyword.control", "keyword"],
  ["keyword.operator", "operator"],
  ["constant.language", "constant"],
  ["constant.numeric", "number"],
  ["markup.underline.link", "link"],
  ["entity.name.namespace", "module"],
  ["entity.name.type.tag", "tag"],
  ["entity.name.function", "name"],
  ["support.function", "name"],
  ["variable.other.property", "field"],
  ["variable.other", "name"],
  ["punctuation.section.brackets", "bracket"],
  ["punctuation.accessor", "punctuation"],
  ["punctuation.separator", "punctuation"],
  ["invalid", "bad"],
];

function classOf(scopes) {
  for (const scope of scopes.slice().reverse()) {
    if (scope.startsWith("meta.embedded")) return "none";
    for (const [prefix, name] of classes) {
      if (scope === prefix || scope.startsWith(prefix + ".")) return name;
    }
  }
  return "none";
}

async function main() {
  const wasm = fs.readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm"));
  await oniguruma.loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength));
  const file = process.argv[2] ?? path.join(__dirname, "syntaxes/rosser.tmLanguage.json");
  const registry = new Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async (scope) => (scope === "source.rosser" ? parseRawGrammar(fs.readFileSync(file, "utf8"), file) : null),
  });
  const grammar = await registry.loadGrammar("source.rosser");
  let tokens = 0;
  for (const record of fs.readFileSync(0, "utf8").split("\n")) {
    if (!record) continue;
    const program = JSON.parse(record);
    let state = INITIAL;
    const found = program.lines.map((line) => {
      const result = grammar.tokenizeLine(line, state);
      state = result.ruleStack;
      return result.tokens;
    });
    for (const [line, from, to, want] of program.tokens) {
      tokens++;
      for (const t of found[line]) {
        if (t.endIndex <= from || t.startIndex >= to) continue;
        const got = classOf(t.scopes);
        if (got !== want) {
          const text = program.lines[line].slice(from, to);
          console.log(`${program.name}:${line + 1}:${from + 1}: got ${got} (${t.scopes.slice(1).join(" ")}), want ${want}: ${text}`);
          break;
        }
      }
    }
  }
  console.error(`${tokens} tokens`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
