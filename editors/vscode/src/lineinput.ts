// The line that is typed into the board's terminal. It stands below what the board
// prints and is sent as a whole, so that it does not mix with the protocol.

export interface Line {
  echo: string; // what to write to the terminal
  send: string[]; // complete lines
}

export class LineInput {
  private line = '';

  // type takes what the terminal says was typed or pasted.
  type(data: string): Line {
    const result: Line = { echo: '', send: [] };
    // Escape sequences, such as cursor keys, have no meaning here.
    const keys = data.replace(/\x1b(\[[0-9;?]*[ -/]*[@-~]|O.|.)?/g, '').replaceAll('\r\n', '\r');
    for (const c of keys) {
      if (c === '\r' || c === '\n') {
        result.send.push(this.line + '\n');
        result.echo += '\r\n';
        this.line = '';
      } else if (c === '\x7f' || c === '\b') {
        if (this.line === '') continue;
        this.line = [...this.line].slice(0, -1).join('');
        result.echo += '\b \b';
      } else if (c === '\x03' || c === '\x15') {
        result.echo += this.hide();
        this.line = '';
      } else if (c >= ' ') {
        this.line += c;
        result.echo += c;
      }
    }
    return result;
  }

  // around returns the board's text with the typed line taken away before it and put
  // behind it again.
  around(text: string): string {
    return this.hide() + text + this.line;
  }

  private hide(): string {
    const width = [...this.line].length;
    return width === 0 ? '' : `\x1b[${width}D\x1b[J`;
  }
}
