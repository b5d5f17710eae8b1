// Dialogs: a question before what cannot be undone, and small forms.

const dialog = () => document.getElementById("ask");

// Whether the answer is yes.
export function ask(title, text, yes) {
  document.getElementById("ask-title").textContent = title;
  document.getElementById("ask-text").textContent = text;
  document.getElementById("ask-yes").textContent = yes;
  dialog().returnValue = "no";
  dialog().showModal();
  document.getElementById("ask-no").focus();
  return new Promise((resolve) => {
    dialog().addEventListener("close", () => resolve(dialog().returnValue === "yes"), { once: true });
  });
}

// A form in a dialog: `submit` does what it is for, and may throw what is then shown. Resolves when it is closed.
export function openForm(form, failure, submit) {
  const button = form.querySelector("button[type=submit]");
  const own = form.closest("dialog");
  failure.hidden = true;
  form.onsubmit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    failure.hidden = true;
    try {
      await submit();
      own.close();
    } catch (error) {
      failure.textContent = error.message;
      failure.hidden = false;
    } finally {
      button.disabled = false;
    }
  };
  own.querySelector("[data-close]").onclick = () => own.close();
  own.showModal();
}
