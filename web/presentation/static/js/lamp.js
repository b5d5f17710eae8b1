// A state as a lamp and a word: who does not see the colour reads it.

export function lamp(state, text) {
  const shown = document.createElement("span");
  shown.className = "state";
  shown.dataset.state = state;
  const light = document.createElement("span");
  light.className = "lamp";
  light.ariaHidden = "true";
  const word = document.createElement("span");
  word.className = "state-text";
  word.textContent = text;
  shown.append(light, word);
  return shown;
}
