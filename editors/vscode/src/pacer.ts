// Paces what the board prints on its way into the terminal, which itself takes
// everything at once: so much at a time, and a message is confirmed to the server
// only when it was written. What waits here is bounded by the server's window; what
// does not fit there the server drops and counts.

import type { Output } from './protocol.ts';

// window is how many messages may be under way.
export const window = 8;

const chunk = 32 * 1024; // characters written at once
const pause = 16; // milliseconds between two chunks

export interface Sink {
  write(text: string): void;
  confirm(seq: number): void;
}

export class Pacer {
  private readonly queue: Output[] = [];
  private timer: NodeJS.Timeout | undefined;
  private readonly sink: Sink;
  private readonly lines = new LineEnds();

  constructor(sink: Sink) {
    this.sink = sink;
  }

  // waiting is how many characters are not written yet.
  get waiting(): number {
    return this.queue.reduce((n, m) => n + m.text.length, 0);
  }

  add(message: Output): void {
    this.queue.push({ ...message });
    if (!this.timer) this.next();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.queue.length = 0;
  }

  private next(): void {
    this.timer = undefined;
    let room = chunk;
    let text = '';
    const done: number[] = [];
    while (room > 0 && this.queue.length > 0) {
      const message = this.queue[0]!;
      if (message.lost) {
        text += gap(message.lost);
        message.lost = 0;
      }
      const part = cut(message.text, room);
      text += this.lines.toTerminal(part);
      room -= part.length;
      message.text = message.text.slice(part.length);
      if (message.text !== '') break;
      done.push(message.seq);
      this.queue.shift();
    }
    if (text !== '') this.sink.write(text);
    const last = done.at(-1);
    if (last !== undefined) this.sink.confirm(last);
    if (text !== '' || this.queue.length > 0) this.timer = setTimeout(() => this.next(), pause);
  }
}

// gap marks that bytes were dropped because the editor was too slow.
export function gap(bytes: number): string {
  return `\r\n\x1b[0;7m ${bytes} bytes lost here \x1b[0m\r\n`;
}

// cut returns at most n characters of the text, and no half of a surrogate pair.
function cut(text: string, n: number): string {
  if (text.length <= n) return text;
  const last = text.charCodeAt(n - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? n + 1 : n);
}

// LineEnds turns a line feed alone, as firmware prints it, into what a terminal needs.
export class LineEnds {
  private last = '';

  toTerminal(text: string): string {
    if (text === '') return '';
    const start = this.last === '\r' && text.startsWith('\n') ? '\n' : '';
    this.last = text.at(-1)!;
    return start + text.slice(start.length).replace(/(?<!\r)\n/g, '\r\n');
  }
}
