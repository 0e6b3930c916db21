/** Gathers what an endless source yields while its reader works: the first item goes at once, a crowd goes together. */
export async function* inBatches<T>(source: AsyncIterable<T>, most: number): AsyncGenerator<T[]> {
  const buffer: T[] = [];
  let end: { readonly error?: unknown } | undefined;
  let wakeReader = (): void => undefined;
  let makeRoom = (): void => undefined;

  async function pump(): Promise<void> {
    for await (const item of source) {
      buffer.push(item);
      wakeReader();
      if (buffer.length >= 2 * most) {
        await new Promise<void>((go) => {
          makeRoom = go;
        });
      }
    }
  }

  const over = (error?: unknown) => {
    end = error === undefined ? {} : { error };
    wakeReader();
  };
  pump().then(() => over(), over);
  try {
    for (;;) {
      if (buffer.length > 0) {
        const batch = buffer.splice(0, most);
        makeRoom();
        yield batch;
      } else if (end) {
        if ('error' in end) throw end.error;
        return;
      } else {
        await new Promise<void>((go) => {
          wakeReader = go;
        });
      }
    }
  } finally {
    makeRoom();
  }
}
