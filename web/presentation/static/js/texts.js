// Texts for people. The hub serves this and all scripts in the language of the page: it has put translations in the place of
// the literals in calls of _ and ngettext, which are written in English. Names in braces stand for values.

function canonical(tag) {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? "en";
  } catch {
    return "en"; // a template of an administrator's may say anything
  }
}

export const language = canonical(document.documentElement.lang);

// The browser's own way of writing it, such as en-GB, for dates and numbers.
export const locale = navigator.languages?.find((one) => one.split("-")[0] === language) ?? language;

const COUNTED = ["zero", "one", "two", "few", "many", "other"];
const rules = new Intl.PluralRules(language);
const categories = rules.resolvedOptions().pluralCategories.sort((a, b) => COUNTED.indexOf(a) - COUNTED.indexOf(b));
const digits = new Intl.NumberFormat(locale);

// Of a text that is said already what its names stand for; numbers as the language writes them.
export function withValues(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return typeof value === "number" ? digits.format(value) : (value ?? whole);
  });
}

// The same with elements in the places of its names, in the order in which a language says them: what `append` takes.
export function withElements(text, elements) {
  return text.split(/\{(\w+)\}/).map((part, index) => (index % 2 ? elements[part] : part));
}

export function _(text, values = {}) {
  return withValues(text, values);
}

// ngettext("{number} server", "{number} servers", number, values): a language may have more forms than English has.
export function ngettext(...given) {
  const forms = given.filter((one) => typeof one === "string");
  const [number, values] = given.slice(forms.length);
  const form = Math.min(categories.indexOf(rules.select(number)), forms.length - 1);
  return withValues(forms[form], { number, ...values });
}
