/** What banger's own installation brings for kernels. */
export interface KernelRecipes {
  /** The catalog that is shipped with banger. */
  readonly builtInCatalog: string;
  /** The program that builds the generic kernel. */
  readonly makeGenericKernel: string;
}

/** Where banger's own programs and files lie. */
export interface Installation {
  /** The guest's program, as it is on this host now; it also dials where Node cannot. */
  readonly agentPath: string;
  /** The program that makes root file systems, in a process of its own. */
  readonly rootfsProgram: string;
  readonly recipes: KernelRecipes;
}
