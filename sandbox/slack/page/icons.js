// The page's own signs as drawings, so that they show on computers without an emoji font.
const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  up: "M7 11v9H4v-9h3zm2 9V10.5l4-7.5c1.5 0 2.4 1.2 2.1 2.7L14.4 9H20l-1.6 9.2A2.2 2.2 0 0 1 16.2 20H9z",
  down: "M17 13V4h3v9h-3zm-2-9v9.5l-4 7.5c-1.5 0-2.4-1.2-2.1-2.7L9.6 15H4l1.6-9.2A2.2 2.2 0 0 1 7.8 4H15z",
  lock: "M6 10V8a6 6 0 0 1 12 0v2h1v11H5V10h1zm2.5 0h7V8a3.5 3.5 0 0 0-7 0v2z",
  eye: "M12 5c5 0 8.5 4 10 7-1.5 3-5 7-10 7S3.5 15 2 12c1.5-3 5-7 10-7zm0 3.2a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 0 0 0-7.6z",
  reply: "M4 4h16a1 1 0 0 1 1 1v11a1 1 0 0 1-1 1h-8l-5 4v-4H4a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1z",
  smile: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zM8.5 8a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3zm7 0a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3zM12 18a5.5 5.5 0 0 1-5-3.5h10A5.5 5.5 0 0 1 12 18z",
  trash: "M9 3h6l1 2h4v2H4V5h4l1-2zM6 9h12l-1 12H7L6 9z",
  picture: "M3 4h18v16H3V4zm2 12l4-5 3 4 3-3 4 4V6H5v10z",
};

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "sign-icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}
