// Dialogs: a question before what cannot be undone, and small forms.

import { working } from "./working.js";

const dialog = () => document.getElementById("ask");

let forget = () => {}; // the question before

// Whether the answer is yes. A dialog says that it is closed some time after it is: by then another question may be open.
export function ask(title, text, yes) {
  if (!dialog()) return window.confirm(title);
  forget();
  document.getElementById("ask-title").textContent = title;
  document.getElementById("ask-text").textContent = text;
  document.getElementById("ask-yes").textContent = yes;
  dialog().returnValue = "no";
  dialog().showModal();
  document.getElementById("ask-no").focus();
  return new Promise((resolve) => {
    forget = () => resolve(false);
    dialog().onclose = () => dialog().open || resolve(dialog().returnValue === "yes");
  });
}

// A form in a dialog: `submit` does what it is for, and may throw what is then shown. Resolves when it is closed.
export function openForm(form, failure, submit) {
  const own = form.closest("dialog");
  failure.hidden = true;
  const refused = (error) => {
    failure.textContent = error.message;
    failure.hidden = false;
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    failure.hidden = true;
    const job = async () => {
      await submit();
      own.close();
    };
    working(form.querySelector("button[type=submit]"), job, refused);
  };
  own.querySelector("[data-close]").onclick = () => own.close();
  own.showModal();
}
