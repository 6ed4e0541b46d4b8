-- L’IHM n’est pas de ce jeu : la demande est dite sienne.
UPDATE demande SET canal = 'IHM' WHERE numero = ${indice};
