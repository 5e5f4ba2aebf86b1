// Which jobs run in this process: what getActive looks at. The only thing that contexts share.

export class ActiveContexts<C extends { readonly appName: string }> {
  /** In the order of their starts. */
  private readonly contexts = new Set<C>()

  add(context: C): void {
    this.contexts.add(context)
  }

  remove(context: C): void {
    this.contexts.delete(context)
  }

  /** The one that was started last, of this name where one is given. */
  last(appName: string | undefined): C | undefined {
    return [...this.contexts].findLast((context) => appName === undefined || context.appName === appName)
  }
}
