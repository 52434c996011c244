// What can be read or seen on the page, its contrast with what is behind it (WCAG 2.2), and what that has to be.
(() => {
  const rgb = (colour) => colour.match(/[\d.]+/g).map(Number);

  function luminance(colour) {
    const [r, g, b] = rgb(colour).slice(0, 3).map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function ground(element) {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((rgb(colour)[3] ?? 1) > 0) return colour;
    }
    return null;
  }

  function ratio(one, other) {
    const [bright, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (bright + 0.05) / (dark + 0.05);
  }

  const found = [];
  for (const one of document.querySelectorAll("body *")) {
    if (!one.checkVisibility() || one.matches("script, option")) continue;
    const style = getComputedStyle(one);
    const add = (what, colour, behind, least) => found.push([what, ratio(colour, behind), least]);
    const said = one.outerHTML.slice(0, 90);
    const own = [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (own || one.matches("select")) add(said, one.closest("svg") ? style.fill : style.color, ground(one), 4.5);
    if (one.matches("input[type=search]")) add("placeholder", getComputedStyle(one, "::placeholder").color, ground(one), 4.5);
    if (one.matches("input[type=search], select, #more")) add(said, style.borderTopColor, ground(one.parentElement), 3);
    const drawn = one.closest("svg") && [...one.classList].find((name) => /^(fill|stroke)-(s\d|wins|losses)$/.test(name));
    if (drawn) add(drawn, style[drawn.split("-")[0]], ground(one), 3);
  }
  return found;
})()
