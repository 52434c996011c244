"use strict";
// Texts of collections and models are put on the page as text alone: `textContent` and text nodes, never as HTML.
(async () => {
  const get = (id) => document.getElementById(id);
  const PAGE = 200; // questions of the list that are shown at first
  const SHORT = 300; // characters of a text that is not folded

  // What Python deflated and wrote as base64.
  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(plain).text());
  }

  function make(name, attributes = {}, ...inside) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...inside.filter((one) => one !== null && one !== undefined));
    return element;
  }

  const tag = (text, kind = "") => make("span", { class: `tag ${kind}`.trim() }, text);
  const value = (number) => (number === null ? "" : number.toFixed(4));
  const signed = (number) => `${number < 0 ? "−" : "+"}${Math.abs(number).toFixed(4)}`;
  const address = (data, question) => `#q/${encodeURIComponent(data.name)}/${encodeURIComponent(question.id)}`;
  const citing = (question) => question.systems.some((one) => one.answer && one.answer.unseen_count);

  if (!("DecompressionStream" in window)) {
    get("counted").textContent = "This browser cannot unpack the questions; Chrome 80, Firefox 113, Safari 16.4 and later can.";
    return;
  }
  const datasets = await unpacked(get("data").textContent);
  const state = { dataset: 0, measure: 0, against: false, sort: -1, down: true, search: "", unseen: false, shown: PAGE };
