/** The error whose message is shown to visitors and programs as it is: one clear sentence. */
export class UserError extends Error {
  /** @param {string} message what is wrong and what to do */
  constructor(message) {
    super(message);
    this.name = "UserError";
  }
}

/** Thrown when the visitor, or an `AbortSignal`, cancels. */
export class Canceled extends UserError {
  constructor() {
    super("Canceled.");
    this.name = "AbortError";
  }
}
